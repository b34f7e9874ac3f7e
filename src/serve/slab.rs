//! Values at stable, small indexes: the index is the `mio::Token` of a connection.

/// A vector with holes; an index is used again after its value was removed.
#[derive(Debug)]
pub(super) struct Slab<T> {
    slots: Vec<Option<T>>,
    /// Indexes of all empty slots, most recently emptied last.
    free: Vec<usize>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Slab<T> {
        Slab { slots: Vec::new(), free: Vec::new() }
    }

    /// Stores `value` and returns its index.
    pub(super) fn insert(&mut self, value: T) -> usize {
        match self.free.pop() {
            Some(index) => {
                self.slots[index] = Some(value);
                index
            }
            None => {
                self.slots.push(Some(value));
                self.slots.len() - 1
            }
        }
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.slots.get(index)?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.slots.get_mut(index)?.as_mut()
    }

    pub(super) fn remove(&mut self, index: usize) {
        if self.slots.get_mut(index).is_some_and(|slot| slot.take().is_some()) {
            self.free.push(index);
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_stable_and_used_again_once_it_is_free() {
        let mut slab = Slab::new();
        assert_eq!([slab.insert('a'), slab.insert('b'), slab.insert('c')], [0, 1, 2]);
        slab.remove(1);
        slab.remove(1);
        assert_eq!((slab.len(), slab.get(1), slab.get(2), slab.get(9)), (2, None, Some(&'c'), None));
        assert_eq!([slab.insert('d'), slab.insert('e')], [1, 3]);
        assert_eq!(slab.get_mut(1), Some(&mut 'd'));
    }
}
