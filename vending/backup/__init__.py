"""Back-up and restore of a whole site: database, issuance log, key file, settings, site secret, in one enciphered file.

**The database is captured before the log.** Every order is paid in the database before the module may issue it (decisions.md
D2), so a log that is captured later holds every order that the captured database holds as issued, and an order that is open in
it is finished on the restored machine by asking again under the same id. What the log holds beyond the database is found at
the next start and adopted by name (`ampoule reconcile --adopt`). The other way round, the database would show tokens that the
restored log never saw, and the module could give their identifiers once more: that needs two people to fast-forward it.
"""
