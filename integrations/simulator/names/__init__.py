"""The domain name system of the simulated organisations: their zones, and a server that answers for them."""
