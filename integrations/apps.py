"""Configuration of the Django app `integrations`."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Connects the receivers of other apps' signals and checks the egress settings at start."""

    name = "integrations"
    verbose_name = "Integrations and runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Read the egress settings and connect the receivers.

        Raises:
            ImproperlyConfigured: an egress setting cannot be used.
        """
        from accounts.signals import organization_deleting  # noqa: PLC0415 - needs the app registry
        from integrations.broker import retention  # noqa: PLC0415
        from integrations.egress import configuration  # noqa: PLC0415
        from integrations.readiness.stored_settings import RETURNED_SETTINGS  # noqa: PLC0415
        from integrations.references import derive, rewrite  # noqa: PLC0415
        from secrets_app.hygiene import findings  # noqa: PLC0415
        from secrets_app.signals import secret_created, secret_renamed, secrets_created  # noqa: PLC0415

        configuration.policy()
        configuration.ssl_context()
        findings.register(RETURNED_SETTINGS)
        organization_deleting.connect(retention.follow_deletion, dispatch_uid="integrations.follow_deletion")
        secret_created.connect(derive.bind_waiting, dispatch_uid="integrations.bind_waiting")
        secrets_created.connect(derive.bind_all_waiting, dispatch_uid="integrations.bind_all_waiting")
        secret_renamed.connect(rewrite.follow_rename, dispatch_uid="integrations.follow_rename")
