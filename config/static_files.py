"""Static files under names that hold a hash of their content."""

import logging

from typing_extensions import override
from whitenoise.storage import CompressedManifestStaticFilesStorage

logger = logging.getLogger(__name__)


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Whitenoise's storage, which also names files that `collectstatic` has not seen.

    Otherwise every page, those about errors too, would be a fault where nobody has run it.
    """

    _is_logged = False

    @override
    def stored_name(self, name: str) -> str:
        """Return the name with its hash, or the plain name if the file was not collected."""
        try:
            return str(super().stored_name(name))
        except ValueError:
            if not self._is_logged:
                self._is_logged = True
                logger.warning("%s was not collected, so pages have no style. Run manage.py collectstatic.", name)
            return name
