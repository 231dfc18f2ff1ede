"""Exchange Web Services in the portal: the organizations' own servers, and what is left of EWS at Microsoft."""
