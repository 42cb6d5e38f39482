"""How the pages of integrations reply when they are not shown whole: as all pages do."""

from accounts.replies import SeeOther, is_fragment, see_other

__all__ = ["SeeOther", "is_fragment", "see_other"]
