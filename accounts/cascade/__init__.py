"""Settings at three levels. The words: a *decision* is what somebody chose at one level; no decision means
*inherit*; a *lock* is a decision that nobody below may change; *effective* is what holds for one person;
*dormant* is a decision that lies under a lock.

`decide` is the rule, `declare` the typed registry, `read` asks, `explain` says why, `write` changes, `forms`
makes the controls of the page.
"""
