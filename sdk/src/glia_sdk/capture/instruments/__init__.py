"""What records the calls of other packages without a change to the program."""
