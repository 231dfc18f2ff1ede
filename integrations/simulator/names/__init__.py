"""The domain name system of the simulated organizations: their zones, and a server that answers for them."""
