"""Exchange Web Services: SOAP at `/EWS/Exchange.asmx`, on the same mailboxes as Graph."""
