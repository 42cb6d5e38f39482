"""The form of an API action, filled in."""

SLUG = "harbor-clinics"
LIST = f"/o/{SLUG}/integrations/"
NEW_ACTION = f"{LIST}new/api_action/"
NEW_CONNECTOR = f"{LIST}new/auth_connector/"
ACTION = {
    "name": "Look up patient",
    "description": "Finds a patient",
    "enabled": "on",
    "environments": ["staging", "production"],
    "base_url": "https://api.example.com",
    "auth_connector": "",
    "method": "POST",
    "path": "/v2/{params.clinic}/patients",
    "header_name": ["Authorization", ""],
    "header_value": ["Bearer {secrets.crm.apiKey}", ""],
    "query_name": ["limit"],
    "query_value": ["3"],
    "body_type": "json",
    "body_content": '{\r\n  "phone": "{params.phone}"\r\n}',
    "param_name": ["clinic", "phone", ""],
    "param_type": ["string", "string", "string"],
    "param_required": ["yes", "yes", "yes"],
    "param_description": ["Which one", "With country code", ""],
    "param_choices": ["north, south", "", ""],
    "timeout_seconds": "12.5",
    "check_path": "/v2/me",
}
