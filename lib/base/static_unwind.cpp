// SPDX-License-Identifier: LGPL-2.1-or-later
// GCC's start code of a static program registers its unwind tables, and since GCC 13 that reads all of them: a third of
// a megabyte, and a page fault for each part of it, before main(). The linker makes an index instead (--eh-frame-hdr),
// which the unwinder finds by dl_iterate_phdr(3) when something is thrown, as in dynamic programs. So these two, put in
// the place of libgcc's by --wrap, do nothing.

extern "C" void __wrap___register_frame_info(const void* begin, void* object);
extern "C" void* __wrap___deregister_frame_info(const void* begin);

extern "C" void __wrap___register_frame_info(const void*, void*) {}
extern "C" void* __wrap___deregister_frame_info(const void*) { return nullptr; }
