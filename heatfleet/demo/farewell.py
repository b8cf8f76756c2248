"""The end of the demo: no more steering, every pump back at its owner's settings, seen, within a stated time."""
