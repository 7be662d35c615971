"""Flower's settings beyond its line in the Procfile; without a password it refuses to start.

Read by Flower itself (`--conf`). Without basic auth its pages, which can revoke tasks and shut
workers down, would be open to everybody who reaches the port.
"""

from tornado.options import options

# Nothing of it has to survive: the truth is in the database.
persistent = False
# No buttons: what is retried or stopped is decided in the database, not in a message.
read_only = True

if not options.basic_auth or not all(
    user and separator and password
    for user, separator, password in (one.partition(":") for one in options.basic_auth)
):
    raise SystemExit(
        "flower: set FLOWER_BASIC_AUTH=user:password in its environment; without it everybody who "
        "reaches the port could see the work and stop it"
    )
