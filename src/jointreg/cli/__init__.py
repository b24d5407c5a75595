"""The command line: one file a command; `options` has what they share."""
