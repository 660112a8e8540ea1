"""What Slack's payloads are called, and which of them are messages between people."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


HUMAN_SUBTYPES = frozenset({None, "", "me_message", "file_share", "file_comment", "thread_broadcast"})
BOT_SUBTYPES = frozenset({"bot_message", "slackbot_response"})

# Lines that Slack writes about a channel, and repeats of a message that stands elsewhere.
SYSTEM_SUBTYPES = _words(
    """
    app_conversation_join app_conversation_leave assistant_app_thread bot_add bot_disable bot_enable bot_remove
    channel_archive channel_canvas_updated channel_convert_to_private channel_convert_to_public channel_join
    channel_leave channel_name channel_posting_permissions channel_purpose channel_topic channel_unarchive
    convert_to_private document_comment_root document_mention ekm_access_denied file_mention group_archive group_convert_to_channel
    group_join group_leave group_name group_purpose group_topic group_unarchive huddle_thread
    joiner_notification joiner_notification_for_inviter message_metadata_deleted message_metadata_posted
    message_metadata_updated message_replied mpdm_move mpim_archive pinned_item reminder_add reminder_delete
    reply_broadcast sh_room_created sh_room_shared tabbed_canvas_updated tombstone unpinned_item
    """
)

IDENTITY_EVENTS = frozenset({"team_join", "user_change", "user_profile_changed"})

# Real Slack events that are no exchange between people.
OTHER_EVENTS = _words(
    """
    accounts_changed app_deleted app_home_opened app_installed app_rate_limited app_requested app_uninstalled
    app_uninstalled_team assistant_thread_context_changed assistant_thread_started bot_added bot_changed
    call_rejected channel_archive channel_created channel_deleted channel_history_changed channel_id_changed
    channel_joined channel_left channel_marked channel_rename channel_shared channel_unarchive channel_unshared
    commands_changed desktop_notification dnd_updated dnd_updated_user email_domain_changed emoji_changed
    entity_details_requested external_org_migration_finished external_org_migration_started file_change
    file_comment_added file_comment_deleted file_comment_edited file_created file_deleted file_public
    file_shared file_unshared function_executed goodbye grid_migration_finished grid_migration_started
    group_archive group_close group_deleted group_history_changed group_joined group_left group_marked
    group_open group_rename group_unarchive hello im_close im_created im_history_changed im_marked im_open
    invite_requested link_shared manual_presence_change member_joined_channel member_left_channel
    message_metadata_deleted message_metadata_posted message_metadata_updated mpim_close mpim_history_changed
    mpim_joined mpim_open pin_added pin_removed pong pref_change presence_change reaction_added reaction_removed
    reconnect_url resources_added resources_removed scope_denied scope_granted shared_channel_invite_accepted
    shared_channel_invite_approved shared_channel_invite_declined shared_channel_invite_received
    shared_channel_invite_requested star_added star_removed subteam_created subteam_members_changed
    subteam_self_added subteam_self_removed subteam_updated team_access_granted team_access_revoked
    team_domain_change team_migration_started team_plan_change team_pref_change team_profile_change
    team_profile_delete team_profile_reorder team_rename tokens_revoked url_verification user_connection
    user_huddle_changed user_resource_denied user_resource_granted user_resource_removed user_status_changed
    user_typing workflow_deleted workflow_published workflow_step_deleted workflow_step_execute
    workflow_unpublished
    """
)

# Interactivity and socket frames: answers to an app's own buttons and dialogs, and the connection itself.
OTHER_PAYLOADS = _words(
    """
    block_actions block_suggestion dialog_cancellation dialog_submission dialog_suggestion disconnect
    interactive interactive_message message_action shortcut slash_commands view_closed view_submission
    workflow_step_edit
    """
)

# What an element of an export's side files is, by the first letter of its id (users.json aside).
OBJECT_KINDS = {"C": "channel", "G": "channel", "D": "channel", "F": "file", "B": "bot", "T": "team", "E": "team"}
