"""Signing in by an identity provider of the account's own.

openid_connect, saml   the two protocols: where to send the browser, and what its answer shows
trips                  what the browser's session remembers on the way
deciding, settling     who that is here: pure rules, and what they write
arriving               the one way in for both, and the one way out for what is refused
log                    what was tried, for the admins
"""
