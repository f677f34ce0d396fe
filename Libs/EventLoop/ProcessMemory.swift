internal import CUV

/// The memory of the process as the system sees it.
package enum ProcessMemory {
    /// Has large blocks go back to the system as soon as they are free, and not be kept for the next. To be called before
    /// other threads are started.
    package static func returnLargeBlocks() {
        // It fails for sizes that are out of range alone.
        _ = florin_return_memory(256 << 10, 1 << 20)
    }
}
