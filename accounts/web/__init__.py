"""The pages of the accounts app and what all pages share: the layout's context, middleware and redirects.

Views read the request, call a service and render its result; they decide nothing and write no model.
"""
