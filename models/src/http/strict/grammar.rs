//! Where requests of HTTP/1 begin and end, by the letter of RFC 9112.
//!
//! Lines end in CR LF and contain neither CR, LF nor NUL otherwise; no line is folded. A request has a
//! `Content-Length` of digits (the same if said twice), or `Transfer-Encoding: chunked` once and nothing
//! else, or neither; a chunk's size is hexadecimal digits. Everything else about a head is left to hyper.

/// A longer line is not kept; hyper's own limits refuse it.
const LONGEST_LINE: usize = 1 << 20;

/// Reads the bytes of a connection as they come, in any pieces.
#[derive(Debug, Default)]
pub(super) struct Grammar {
    part: Part,
    /// The line that has begun, without what was read of other parts.
    line: Vec<u8>,
    framing: Framing,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// The first line of a request; empty lines before it are passed over (section 2.2).
    #[default]
    Request,
    Header,
    /// So many bytes of a body.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    Trailer,
}

/// What a head says about its body.
#[derive(Clone, Copy, Debug, Default)]
struct Framing {
    is_old: bool,
    length: Option<u64>,
    is_chunked: bool,
}

/// The bytes do not follow the grammar.
struct Broken;

impl Grammar {
    /// Reads on.
    ///
    /// # Errors
    ///
    /// How many of the bytes are sound; the next one, or the line it ends, breaks the grammar.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            if let Part::Body(left) | Part::Chunk(left) = self.part {
                let count = left.min(rest.len() as u64);
                self.passed(left - count);
                at += count as usize;
                continue;
            }
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                self.keep(rest).map_err(|Broken| at)?;
                return Ok(());
            };
            self.keep(&rest[..=end]).map_err(|Broken| at)?;
            let line = std::mem::take(&mut self.line);
            // The line end is what completes a head: without it nothing that stands before is acted on.
            self.line(&line).map_err(|Broken| at + end)?;
            self.line = line;
            self.line.clear();
            at += end + 1;
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if self.line.len() + bytes.len() > LONGEST_LINE {
            return Err(Broken);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// So much is left of a body or chunk.
    const fn passed(&mut self, left: u64) {
        self.part = match (self.part, left) {
            (Part::Body(_), 0) => Part::Request,
            (Part::Body(_), left) => Part::Body(left),
            (_, 0) => Part::ChunkEnd,
            (_, left) => Part::Chunk(left),
        };
    }

    /// A whole line with its end.
    fn line(&mut self, line: &[u8]) -> Result<(), Broken> {
        let line = line.strip_suffix(b"\r\n").ok_or(Broken)?;
        if line.iter().any(|byte| matches!(byte, 0 | b'\r')) {
            return Err(Broken);
        }
        self.part = match self.part {
            Part::Request if line.is_empty() => Part::Request,
            Part::Request => {
                self.framing = Framing {
                    is_old: line.ends_with(b"HTTP/1.0"),
                    ..Framing::default()
                };
                Part::Header
            }
            Part::Header if line.is_empty() => self.framing.body(),
            Part::Header => {
                self.framing.header(line)?;
                Part::Header
            }
            Part::ChunkSize => match size(line)? {
                0 => Part::Trailer,
                size => Part::Chunk(size),
            },
            Part::ChunkEnd if line.is_empty() => Part::ChunkSize,
            Part::Trailer if line.is_empty() => Part::Request,
            Part::Trailer => {
                trailer(line)?;
                Part::Trailer
            }
            Part::ChunkEnd | Part::Body(_) | Part::Chunk(_) => return Err(Broken),
        };
        Ok(())
    }
}

impl Framing {
    fn header(&mut self, line: &[u8]) -> Result<(), Broken> {
        let (name, value) = field(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = digits(value)?;
            if self.length.is_some_and(|other| other != length) {
                return Err(Broken);
            }
            self.length = Some(length);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.is_chunked || self.is_old || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Broken);
            }
            self.is_chunked = true;
        }
        if self.is_chunked && self.length.is_some() {
            return Err(Broken);
        }
        Ok(())
    }

    const fn body(&self) -> Part {
        match (self.is_chunked, self.length) {
            (true, _) => Part::ChunkSize,
            (false, None | Some(0)) => Part::Request,
            (false, Some(length)) => Part::Body(length),
        }
    }
}

/// Name and value of a header line; no white space stands in front of either the name or its colon.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Broken> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Broken)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if name.is_empty() || name.iter().any(|byte| matches!(byte, b' ' | b'\t')) {
        return Err(Broken);
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let begin = value.iter().position(|byte| !is_space(byte));
    let end = value.iter().rposition(|byte| !is_space(byte));
    let value = begin
        .zip(end)
        .map_or(&[][..], |(begin, end)| &value[begin..=end]);
    Ok((name, value))
}

/// Fields that a recipient could take for the head's own (section 6.5.1 of RFC 9110).
fn trailer(line: &[u8]) -> Result<(), Broken> {
    let (name, _) = field(line)?;
    let framing: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"host"];
    if framing.iter().any(|field| name.eq_ignore_ascii_case(field)) {
        return Err(Broken);
    }
    Ok(())
}

fn digits(text: &[u8]) -> Result<u64, Broken> {
    number(text, 10)
}

/// The size of a chunk, with or without extensions after it.
fn size(line: &[u8]) -> Result<u64, Broken> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    // White space before an extension is "bad white space" that a recipient has to take.
    let digits = match digits.len() == line.len() {
        true => digits,
        false => digits.trim_ascii_end(),
    };
    number(digits, 16)
}

fn number(text: &[u8], base: u32) -> Result<u64, Broken> {
    if text.is_empty() {
        return Err(Broken);
    }
    text.iter().try_fold(0u64, |number, byte| {
        let digit = char::from(*byte).to_digit(base).ok_or(Broken)?;
        let shifted = number.checked_mul(base.into()).ok_or(Broken)?;
        shifted.checked_add(digit.into()).ok_or(Broken)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of reading in one piece, which is that of reading byte by byte and in any two pieces.
    fn read(text: &str) -> Result<(), usize> {
        let whole = Grammar::default().read(text.as_bytes());
        let mut single = Grammar::default();
        let mut bytes = text.as_bytes().chunks(1).enumerate();
        let broken = bytes.find_map(|(at, byte)| single.read(byte).err().map(|sound| at + sound));
        assert_eq!(broken.map_or(Ok(()), Err), whole, "{text:?} byte by byte");
        for at in 0..text.len() {
            let (one, other) = text.as_bytes().split_at(at);
            let mut grammar = Grammar::default();
            let first = grammar.read(one);
            let both = first.and_then(|()| grammar.read(other).map_err(|sound| at + sound));
            assert_eq!(both, whole, "{text:?} cut at {at}");
        }
        whole
    }

    #[test]
    fn sound_requests_follow_each_other_and_an_unsound_one_is_found_where_it_is() {
        let sound = [
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "\r\nPOST / HTTP/1.1\r\ncontent-LENGTH: \t 3 \r\n\r\na\n\0",
            "POST / HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\n\r\n2;x=y\r\na\n\r\n00\r\nT: u\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 00\r\n\r\n",
        ];
        let all = sound.concat();
        assert_eq!(read(&all), Ok(()));
        let both = "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let end = both.len() - 3;
        assert_eq!(read(&format!("{all}{both}")), Err(all.len() + end));
    }

    #[test]
    fn every_line_that_can_be_read_in_two_ways_is_refused() {
        for line in [
            "X: a\rb",
            "X: a\0b",
            " X: folded",
            "X : y",
            "no colon",
            ": no name",
            "Content-Length: 1\r\nContent-Length: 2",
            "Content-Length: +1",
            "Content-Length: 1, 1",
            "Content-Length:",
            "Content-Length: 18446744073709551616",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 1",
        ] {
            let text = format!("POST / HTTP/1.1\r\n{line}\r\n\r\n");
            assert!(read(&text).is_err(), "{line:?}");
        }
        assert!(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(read("GET / HTTP/1.1\nHost: h\r\n\r\n").is_err());
    }

    #[test]
    fn every_chunk_that_can_be_read_in_two_ways_is_refused() {
        for body in [
            "0x1\r\na\r\n",
            "+1\r\na\r\n",
            "1_\r\na\r\n",
            " 1\r\na\r\n",
            "1 \r\na\r\n",
            "\r\na\r\n",
            "10000000000000000\r\n",
            "1\na\r\n",
            "1\r\na\n",
            "1\r\nab\r\n",
            "1;a\rb\r\na\r\n",
            "0\r\nContent-Length: 1\r\n\r\n",
            "0\r\nX: y\n\r\n",
        ] {
            let text = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            assert!(read(&text).is_err(), "{body:?}");
        }
    }
}
