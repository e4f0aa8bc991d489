"""Names for what a string means. None of them checks anything."""

from typing import TypeAlias

AgentURN: TypeAlias = str
ConversationID: TypeAlias = str
TaskID: TypeAlias = str
MessageID: TypeAlias = str
ArtifactID: TypeAlias = str
SnapshotID: TypeAlias = str
PartID: TypeAlias = str
URI: TypeAlias = str
MIMEType: TypeAlias = str
SemanticVersion: TypeAlias = str
