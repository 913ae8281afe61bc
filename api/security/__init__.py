"""Who asks, and may they: from a request's credentials to the scope that every query takes.

==================  =============================================================================
:mod:`.declared`    what each operation asks for; one that is not declared stops the server
:mod:`.credentials` what a request carries: a bearer token, a key, or the cookie of a session
:mod:`.identity`    whose they are, kept for a few seconds
:mod:`.gate`        the one dependency of every operation: scope, cross-site checks, rate limits
:mod:`.tokens`      short-lived signed tokens and the file of the keys that sign them
:mod:`.limits`      how often somebody may ask
:mod:`.browser`     what only browsers need: cookies, forgery checks, policies, local paths
:mod:`.network`     where a request comes from, through the proxies that are trusted
==================  =============================================================================
"""
