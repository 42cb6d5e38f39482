"""The pages of secrets: inventory, form, import, hygiene and requests.

Views read the request, call a service and render its result; they decide nothing. The pages of rotation and usage are
in `integrations.web.secrets`.
"""
