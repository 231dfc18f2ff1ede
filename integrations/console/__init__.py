"""The connections console: everybody who is connected or could be, by state; and what can be done with many at once."""
