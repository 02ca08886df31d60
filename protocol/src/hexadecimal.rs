//! Bytes as text, for hashes that a person or a program compares.

use std::fmt::Write as _;

/// The bytes as lowercase hexadecimal digits.
pub fn in_hexadecimal(bytes: &[u8]) -> String {
    let text = String::with_capacity(2 * bytes.len());
    bytes.iter().fold(text, |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(in_hexadecimal(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
        assert_eq!(in_hexadecimal(&[]), "");
    }
}
