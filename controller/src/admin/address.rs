//! Where to listen, as the Go operator's flags say it.

use std::{fmt, net::SocketAddr, str::FromStr};

/// `:8443` or `0.0.0.0:8443`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// On all addresses of the host; port 0 takes a free one.
    Port(u16),
    On(SocketAddr),
}

/// An address, or none: `0` or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub Option<Address>);

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if matches!(text, "" | "0") {
            return Ok(Self(None));
        }
        let port = text.strip_prefix(':').and_then(|port| port.parse().ok());
        let address = port.map(Address::Port).or_else(|| text.parse().ok().map(Address::On));
        let wrong = || format!("{text} is no :port, nor address:port, nor 0 for none");
        address.map(|address| Self(Some(address))).ok_or_else(wrong)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, ":{port}"),
            Self::On(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_go_operator_reads_them() {
        let of = |text: &str| text.parse::<Listen>();
        assert_eq!(of(":8443"), Ok(Listen(Some(Address::Port(8443)))));
        let local = Address::On(SocketAddr::from(([127, 0, 0, 1], 9)));
        assert_eq!(of("127.0.0.1:9"), Ok(Listen(Some(local))));
        assert_eq!(of("0"), Ok(Listen(None)));
        assert_eq!(of(""), Ok(Listen(None)));
        assert!(of("8443").unwrap_err().contains("8443"));
        assert!(of(":70000").is_err());
    }
}
