//! A component that was checked and compiled, ready to be instantiated.

use std::fmt;

use function_mesh_proto::instance::Limits;
use wasmtime::component::{Component, Linker, types::ComponentItem};

use super::{engine::Engine, guest::GuestPre, host, world::World};
use crate::fault::Fault;

/// A function's code. Cheap to clone: instances share it.
#[derive(Clone)]
pub struct CompiledComponent {
    engine: Engine,
    pre: GuestPre,
    description: ComponentDescription,
}

/// What a component is, for people: `build` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentDescription {
    pub world: World,
    /// Interfaces it needs from its host, in name order.
    pub imports: Vec<String>,
}

impl fmt::Display for ComponentDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.world)?;
        for import in &self.imports {
            write!(f, "\n  imports {import}")?;
        }
        Ok(())
    }
}

/// Says what a component is without running it.
///
/// # Errors
/// As [`Engine::load`].
pub fn describe(wasm: &[u8]) -> Result<ComponentDescription, Fault> {
    let engine = Engine::new(&Limits::default(), None)?;
    Ok(CompiledComponent::load(&engine, wasm)?.description)
}

impl CompiledComponent {
    pub(super) fn load(engine: &Engine, wasm: &[u8]) -> Result<Self, Fault> {
        check_kind(wasm)?;
        let component = match engine.cache().and_then(|cache| cache.get(wasm)) {
            Some(component) => component,
            None => compile(engine, wasm)?,
        };
        Self::link(engine, &component)
    }

    pub fn description(&self) -> &ComponentDescription {
        &self.description
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn pre(&self) -> &GuestPre {
        &self.pre
    }

    fn link(engine: &Engine, component: &Component) -> Result<Self, Fault> {
        let wasmtime = engine.wasmtime();
        let shape = component.component_type();
        let world = World::of(wasmtime, &shape)?;
        let mut imports: Vec<String> =
            shape.imports(wasmtime).map(|(name, _)| name.to_owned()).collect();
        imports.sort();

        let mut linker = Linker::new(wasmtime);
        host::link(&mut linker).map_err(|error| {
            Fault::system(format!("the host's functions cannot be linked: {error:#}"))
        })?;
        let unknown: Vec<&str> = shape
            .imports(wasmtime)
            .filter(|(name, item)| {
                matches!(item.ty, ComponentItem::ComponentInstance(_)) && !host::offers(name)
            })
            .map(|(name, _)| name)
            .collect();
        if !unknown.is_empty() {
            return Err(Fault::user(format!(
                "the component imports {}, which this runner does not offer: a function has the \
                 interfaces of function-mesh:function and WASI's cli, clocks, filesystem (empty), \
                 io and random",
                unknown.join(", ")
            ))
            .permanent());
        }
        let pre = linker
            .instantiate_pre(component)
            .and_then(|pre| GuestPre::new(world, pre))
            .map_err(|error| {
                Fault::user(format!("the component does not fit this runner: {error:#}"))
                    .permanent()
            })?;
        Ok(Self {
            engine: engine.clone(),
            pre,
            description: ComponentDescription { world, imports },
        })
    }
}

fn compile(engine: &Engine, wasm: &[u8]) -> Result<Component, Fault> {
    let component = Component::from_binary(engine.wasmtime(), wasm).map_err(|error| {
        Fault::user(format!("the component is not valid WebAssembly: {error:#}")).permanent()
    })?;
    if let Some(cache) = engine.cache() {
        cache.put(wasm, &component);
    }
    Ok(component)
}

/// Tells a component from other files by its first bytes, so that the error names what it is.
fn check_kind(wasm: &[u8]) -> Result<(), Fault> {
    let why = match wasm {
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => return Ok(()),
        [b'\0', b'a', b's', b'm', _, _, 0, 0, ..] => {
            "is a core WebAssembly module, not a component: build it with --target wasm32-wasip2"
                .to_owned()
        }
        [0x7f, b'E', b'L', b'F', ..] => {
            "is native code: precompiled functions are not accepted, give the .wasm".to_owned()
        }
        [b'(', ..] => "is WebAssembly text: assemble it first (wasm-tools parse)".to_owned(),
        [] => "is empty".to_owned(),
        other => {
            let head: Vec<String> = other.iter().take(4).map(|b| format!("{b:02x}")).collect();
            format!(
                "is not WebAssembly: it begins with {}, a component with 00 61 73 6d",
                head.join(" ")
            )
        }
    };
    Err(Fault::user(format!("the file {why}")).permanent())
}
