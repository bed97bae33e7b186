"""The answers' keys, exactly as the frontend reads them."""

ACTIVITY = {
    "uuid",
    "display_name",
    "handle",
    "message",
    "replies_count",
    "reposts_count",
    "likes_count",
    "reply_to_activity_uuid",
    "expires_at",
    "created_at",
}
PROFILE = {"uuid", "cognito_user_uuid", "handle", "display_name", "bio", "cruds_count"}


def uuids(activities):
    return [activity["uuid"] for activity in activities]


def messages(activities):
    return [activity["message"] for activity in activities]
