"""Static files under names that hold a hash of their content."""

import logging

from django.contrib.staticfiles import finders
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
            # Whitenoise asks for names without a part that looks like a hash, `jquery.js` for `jquery.init.js`.
            if not self._is_logged and finders.find(name):
                self._is_logged = True
                logger.warning("%s was not collected, so pages have no style. Run manage.py collectstatic.", name)
            return name
