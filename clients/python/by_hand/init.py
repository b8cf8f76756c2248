"""Client of the heatfleet Partner API: ``sign_in``, then one module per operation in ``heatfleet_client.api``."""

from .auth import sign_in
from .client import AuthenticatedClient, Client
from .paging import every

__all__ = ("AuthenticatedClient", "Client", "every", "sign_in")
