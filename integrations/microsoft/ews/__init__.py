"""Exchange Web Services behind the contract, by exchangelib: all of it, so that it can go in one piece.

Nobody but `integrations.exchange.mailboxes` imports this package, and only when a mailbox is opened: exchangelib is
large, and a process that never speaks EWS never loads it.
"""
