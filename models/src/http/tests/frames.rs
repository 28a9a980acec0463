//! The frames of RFC 9113 by their types, written by hand where no well-behaved library would.

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header field as a literal that is not indexed (RFC 7541, section 6.2.2).
pub fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut field = vec![0, name.len() as u8];
    field.extend(name);
    field.push(value.len() as u8);
    field.extend(value);
    field
}

/// The pseudo-headers of a GET or POST of `/`.
pub fn get_or_post(method: &[u8]) -> Vec<u8> {
    let mut block = field(b":method", method);
    block.extend(field(b":scheme", b"http"));
    block.extend(field(b":path", b"/"));
    block.extend(field(b":authority", b"h"));
    block
}
