from shipper.tracker.checks import EventTooLargeError as EventTooLargeError
from shipper.tracker.checks import InvalidValueError as InvalidValueError
from shipper.tracker.emitter import Emitter as Emitter
from shipper.tracker.logging_handler import SnowplowHandler as SnowplowHandler
from shipper.tracker.outcome import Outcome as Outcome
from shipper.tracker.receipt import Receipt as Receipt
from shipper.tracker.self_describing import SelfDescribingJson as SelfDescribingJson
from shipper.tracker.subject import Subject as Subject
from shipper.tracker.tracker import Tracker as Tracker

__all__: list[str]
__version__: str
