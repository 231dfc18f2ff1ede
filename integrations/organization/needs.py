"""Which application permissions are needed, and what each of them allows. Pure."""
