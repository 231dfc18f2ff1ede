"""Long runs: hours of use, and faults at any instant. Their short forms are tests that CI runs."""
