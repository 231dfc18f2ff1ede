"""Microsoft's side of the contract: who somebody is (`identity`), how to ask (`http`), Graph."""
