"""Pages of secrets, below `/o/<slug>/secrets/`."""

urlpatterns: list = []
