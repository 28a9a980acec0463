//! The frame around a record: length (u32), XXH3-64 of the bytes (u64), both little-endian, bytes.

use xxhash_rust::xxh3::xxh3_64;

/// Length and hash.
const HEADER: usize = 12;
/// The largest record.
pub(super) const LARGEST: usize = 16 << 20;

/// A record in its frame.
pub(super) fn frame(record: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER + record.len());
    framed.extend_from_slice(&(record.len() as u32).to_le_bytes());
    framed.extend_from_slice(&xxh3_64(record).to_le_bytes());
    framed.extend_from_slice(record);
    framed
}

/// How many bytes a record takes in its frame.
pub(crate) fn framed_length(record: &[u8]) -> u64 {
    (HEADER + record.len()) as u64
}

/// The record at the beginning of `bytes` and the length of its frame, if it is whole.
fn unframe(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let hash = u64::from_le_bytes(bytes.get(4..HEADER)?.try_into().ok()?);
    let record = bytes.get(HEADER..HEADER.checked_add(length)?)?;
    (length <= LARGEST && xxh3_64(record) == hash).then_some((record, HEADER + length))
}

/// The records of a file and how many bytes they take. What follows them is a torn tail.
///
/// # Errors
/// The place of the first damaged record, if whole ones follow it.
pub(super) fn records(file: &[u8]) -> Result<(Vec<Vec<u8>>, usize), usize> {
    let mut records = Vec::new();
    let mut offset = 0;
    while let Some((record, length)) = unframe(&file[offset..]) {
        records.push(record.to_vec());
        offset += length;
    }
    // A power loss tears the end only. A whole, non-empty record behind the damage means that
    // something else happened.
    let behind = (offset + 1..file.len())
        .any(|place| unframe(&file[place..]).is_some_and(|(record, _)| !record.is_empty()));
    if behind {
        Err(offset)
    } else {
        Ok((records, offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Vec<u8> {
        [frame(b"one"), frame(b"two"), frame(b"three")].concat()
    }

    #[test]
    fn whole_records_are_read_back() {
        let (records, end) = records(&three()).expect("nothing is damaged");
        assert_eq!(records, [&b"one"[..], b"two", b"three"]);
        assert_eq!(end, three().len());
    }

    #[test]
    fn a_tail_torn_anywhere_is_cut_to_the_last_whole_record() {
        let whole = three();
        for length in 0..whole.len() {
            let (records, end) = records(&whole[..length]).expect("a torn tail is no damage");
            assert_eq!(
                records.len(),
                [15, 30].iter().filter(|&&end| end <= length).count()
            );
            assert!(end <= length);
        }
    }

    #[test]
    fn damage_before_whole_records_is_told_with_its_place() {
        let mut file = three();
        file[20] ^= 1;
        assert_eq!(records(&file), Err(15));
    }

    #[test]
    fn damage_in_the_last_record_is_a_torn_tail() {
        let mut file = three();
        let last = file.len() - 1;
        file[last] ^= 1;
        assert_eq!(records(&file).expect("only the tail").0.len(), 2);
    }
}
