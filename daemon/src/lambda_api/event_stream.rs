//! AWS's event stream encoding: messages of headers and a payload, with checksums.
//!
//! Pure. Follows <https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream>.

use bytes::{BufMut, Bytes, BytesMut};

/// A header value's type: a string.
const STRING: u8 = 7;
/// Lengths and their checksum.
const PRELUDE: usize = 12;
/// The message's checksum.
const CHECKSUM: usize = 4;

/// A message of type `event`.
pub(super) fn event(event_type: &str, content_type: &str, payload: &[u8]) -> Bytes {
    message(&[(":message-type", "event"), (":event-type", event_type), (":content-type", content_type)], payload)
}

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let headers = encoded(headers);
    let length = PRELUDE + headers.len() + payload.len() + CHECKSUM;
    let mut message = BytesMut::with_capacity(length);
    message.put_u32(wide(length));
    message.put_u32(wide(headers.len()));
    message.put_u32(crc32fast::hash(&message));
    message.put_slice(&headers);
    message.put_slice(payload);
    message.put_u32(crc32fast::hash(&message));
    message.freeze()
}

/// Names and values are ours and short.
fn encoded(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, value) in headers {
        all.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        all.put_slice(name.as_bytes());
        all.put_u8(STRING);
        all.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        all.put_slice(value.as_bytes());
    }
    all
}

fn wide(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of AWS's own SDKs: an empty message.
    #[test]
    fn an_empty_message_is_awss() {
        let expected = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(message(&[], b"").as_ref(), expected);
    }

    #[test]
    fn lengths_say_how_long_the_parts_are() {
        let message = event("PayloadChunk", "application/octet-stream", b"abc");
        let read = |at: usize| u32::from_be_bytes(message[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(read(0), message.len());
        assert_eq!(PRELUDE + read(4) + 3 + CHECKSUM, message.len());
        assert!(message[PRELUDE..].starts_with(b"\x0d:message-type\x07\x00\x05event"));
    }
}
