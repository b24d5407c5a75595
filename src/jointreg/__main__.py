"""`python -m jointreg`: the command line."""

from jointreg.cli import main

raise SystemExit(main())
