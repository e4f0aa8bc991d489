"""Closed sets of words on the wire."""

from enum import Enum

# ruff: noqa: UP042  # str() of a member is "TaskStatus.WORKING" for a (str, Enum), not for a StrEnum,
# and programs written for the published models rely on (str, Enum).


class TaskStatus(str, Enum):
    """Where a task stands."""

    SUBMITTED = "submitted"
    WORKING = "working"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INPUT_REQUIRED = "input_required"

    @classmethod
    def terminal_states(cls) -> "frozenset[TaskStatus]":
        """The states that no transition leaves."""
        return frozenset({cls.COMPLETED, cls.FAILED, cls.CANCELLED})

    def is_terminal(self) -> bool:
        return self in self.terminal_states()


class MessageRole(str, Enum):
    """Who speaks in a message."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"


class UpdateType(str, Enum):
    """What a task update tells."""

    PROGRESS = "progress"
    INPUT_REQUIRED = "input_required"
    STATUS_CHANGE = "status_change"


class VerificationState(str, Enum):
    """How far the verification of an agent has come."""

    VERIFIED = "verified"
    PENDING = "pending"
    REJECTED = "rejected"


class HardwareClass(str, Enum):
    """The kind of machine an agent runs on."""

    CLOUD = "cloud"
    SBC = "sbc"
    EDGE_ACCELERATOR = "edge_accelerator"
    MICROCONTROLLER = "microcontroller"
    DESKTOP = "desktop"


class HardwareIoType(str, Enum):
    """A connection that an agent's hardware offers."""

    GPIO = "gpio"
    I2C = "i2c"
    SPI = "spi"
    UART = "uart"
    CSI_CAMERA = "csi_camera"
    USB_CAMERA = "usb_camera"
    AUDIO_IN = "audio_in"
    AUDIO_OUT = "audio_out"
    BLUETOOTH = "bluetooth"
    LORA = "lora"
    BLE = "ble"


class InferenceMode(str, Enum):
    """Where an agent's inference runs."""

    CLOUD = "cloud"
    LOCAL_CPU = "local_cpu"
    LOCAL_CUDA = "local_cuda"
    LOCAL_METAL = "local_metal"
    LOCAL_NPU = "local_npu"
