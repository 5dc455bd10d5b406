//! What cpal says, in the words of the port.

use cpal::ErrorKind;
use media::port::PortError;

/// Does an error of a running stream leave it running? Such kinds only say that something was noticed.
pub(crate) fn is_harmless(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied)
}

/// The port's word for an error of cpal.
pub(crate) fn word(error: &cpal::Error) -> PortError {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::DeviceNotAvailable => PortError::Gone(text),
        ErrorKind::DeviceBusy => PortError::Busy(text),
        ErrorKind::PermissionDenied => PortError::Denied(text),
        ErrorKind::HostUnavailable => PortError::NoDevice,
        _ => PortError::Failed(text),
    }
}
