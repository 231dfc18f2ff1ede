"""What a trainer or a test may do to the simulated tenants: pages, and the same as JSON."""
