//! `sha256:<64 hex digits>`.

use std::fmt;

use sha2::{Digest as _, Sha256};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    hex: String,
}

impl Digest {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { hex: format!("{:x}", Sha256::digest(bytes)) }
    }

    /// # Errors
    /// What is accepted instead.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        text.strip_prefix("sha256:")
            .filter(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .map(|hex| Self { hex: hex.to_ascii_lowercase() })
            .ok_or_else(|| "expected sha256: and 64 hexadecimal digits".to_owned())
    }

    /// The digits: safe as a file's name.
    pub(super) fn hex(&self) -> &str {
        &self.hex
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `printf abc | sha256sum`.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_digest_is_that_of_sha256sum() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(Digest::parse(&ABC.to_uppercase().replace("SHA", "sha")), Digest::parse(ABC));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let path = format!("sha256:{}", "../".repeat(22));
        for text in ["", "abc", "sha256:abc", "md5:00", &ABC.replace("ba78", "xyz0"), &path] {
            assert!(Digest::parse(text).is_err(), "{text}");
        }
    }
}
