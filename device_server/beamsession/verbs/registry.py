"""The one registry in which every verb is declared."""

from beamsession.model.verb import Registry

REGISTRY = Registry()
verb = REGISTRY.declare
