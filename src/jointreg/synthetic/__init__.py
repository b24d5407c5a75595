"""The open data set: virtual people in a virtual room, written in Human3.6M's raw layout.

`rig.write_rig` and `subject.write_subject` are the entry points. What only the generator knows
(bodies, true regressor, masks) goes to a place of its own; `truth` reads it back, for tests and
diagnostics only.
"""
