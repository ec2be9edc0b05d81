//! Serde's view of the tree. Keeps the way to what is refused.

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
        Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    node::{Entry, Node, Value},
    path::Step,
    refused::Refused,
};

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Unsigned(value) => visitor.visit_u64(*value),
            Value::Signed(value) => visitor.visit_i64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(list) => visitor.visit_seq(List(list)),
            Value::Object(entries) => visitor.visit_map(Object::of(entries)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match &self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// As in Pulsar, a field that is null says nothing; neither does an empty document.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        match &self.value {
            Value::Null => visitor.visit_map(Object::of(&[])),
            Value::Object(entries) => {
                visitor.visit_map(Object { without_null: true, ..Object::of(entries) })
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        match &self.value {
            Value::Text(text) => visitor.visit_enum(Variant { name: text, content: None }),
            Value::Object(entries) => match entries.as_slice() {
                [entry] => {
                    visitor.visit_enum(Variant { name: &entry.key, content: Some(&entry.node) })
                }
                _ => Err(Refused::unknown_variant("", variants)),
            },
            _ => Err(Refused::unknown_variant("", variants)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct List<'de>(&'de [(usize, Node)]);

impl<'de> SeqAccess<'de> for List<'de> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refused> {
        let Some(((index, node), rest)) = self.0.split_first() else { return Ok(None) };
        self.0 = rest;
        seed.deserialize(node).map(Some).map_err(|refused| refused.within(Step::Index(*index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Object<'de> {
    entries: &'de [Entry],
    current: Option<&'de Entry>,
    without_null: bool,
}

impl<'de> Object<'de> {
    fn of(entries: &'de [Entry]) -> Self {
        Self { entries, current: None, without_null: false }
    }
}

impl<'de> MapAccess<'de> for Object<'de> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        while let Some((entry, rest)) = self.entries.split_first() {
            self.entries = rest;
            if self.without_null && matches!(entry.node.value, Value::Null) {
                continue;
            }
            self.current = Some(entry);
            let key: StrDeserializer<'de, Refused> = entry.key.as_str().into_deserializer();
            return seed.deserialize(key).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let Some(entry) = self.current.take() else { return Err(Refused::out_of_turn()) };
        seed.deserialize(&entry.node)
            .map_err(|refused| refused.within(Step::Key(entry.key.clone())))
    }
}

struct Variant<'de> {
    name: &'de str,
    content: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Refused;
    type Variant = Content<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<'de>), Refused> {
        let name: StrDeserializer<'de, Refused> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content)))
    }
}

struct Content<'de>(Option<&'de Node>);

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(Refused::content("a name without content")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(self.node()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refused> {
        self.node()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.node()?.deserialize_struct("", fields, visitor)
    }
}

impl<'de> Content<'de> {
    fn node(self) -> Result<&'de Node, Refused> {
        self.0.ok_or_else(|| Refused::content("a name with content"))
    }
}
