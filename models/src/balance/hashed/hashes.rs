//! Hash functions with published values, for keys and for tables that others have to agree with.

/// FNV-1a with 32 bits (draft-eastlake-fnv). Weak on names that differ in their last characters: a ring of
/// it is half as even as one of a good hash.
pub const fn fnv1a32(bytes: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

/// CRC-32 (IEEE 802.3), the hash of keys in nginx.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}
