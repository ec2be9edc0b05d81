//! Protobuf by hand, to hold the generated code against the numbers of Pulsar's contract.

/// A number: also a boolean or an enum.
pub(crate) fn number(field: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(field) << 3), varint(value)].concat()
}

pub(crate) fn double(field: u32, value: f64) -> Vec<u8> {
    [varint(u64::from(field) << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

/// A text or a message.
pub(crate) fn bytes(field: u32, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    let length = varint(u64::try_from(value.len()).unwrap());
    [varint(u64::from(field) << 3 | 2), length, value.to_vec()].concat()
}

/// An entry of a map with texts for keys, whose value is the given field 2.
pub(crate) fn entry(field: u32, key: &str, value: Vec<u8>) -> Vec<u8> {
    bytes(field, [bytes(1, key), value].concat())
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}
