"""`python -m jointreg`: the command line."""

from jointreg.cli.main import main

raise SystemExit(main())
