// SPDX-License-Identifier: LGPL-2.1-or-later
/* A guest that only counts, instead of firmware: CPU n adds 1 to the 64-bit number at COUNTERS + 64n
 * for ever. A 64 KiB ROM: the first CPU starts at its last 16 bytes, and the others at its begin, which
 * a PC shows at 0xf0000. With a byte at FIRST_HALTS the first CPU halts instead, and its number is
 * 2^32 - 1. */
#define COUNTERS 0x1000
#define FIRST_HALTS 0x500
#define INTERRUPT_COMMAND 0xfee00300
#define INIT_ALL_OTHERS 0xc4500
#define STARTUP_ALL_OTHERS_AT_F0000 0xc46f0

    .code16
    .text
count:
    xor %ax, %ax
    mov %ax, %ds
    mov $1, %eax
    cpuid
    shr $24, %ebx // the APIC id
    shl $6, %ebx
1:  addl $1, COUNTERS(%bx)
    adcl $0, COUNTERS + 4(%bx)
    jmp 1b

boot:
    // Past 1 MiB DS reaches only with a limit that was loaded in protected mode.
    cli
    lgdtl %cs:gdt_pointer
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov $8, %bx
    mov %bx, %ds
    and $0xfe, %al
    mov %eax, %cr0
    mov $INTERRUPT_COMMAND, %edi
    movl $INIT_ALL_OTHERS, (%edi)
    mov $0x10000, %ecx
2:  dec %ecx
    jnz 2b
    movl $STARTUP_ALL_OTHERS_AT_F0000, (%edi)
    cmpb $0, FIRST_HALTS
    je count
    movl $0xffffffff, COUNTERS
3:  hlt
    jmp 3b

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf92000000ffff // data, all 4 GiB
gdt_pointer:
    .word . - gdt - 1
    .long 0xf0000 + gdt

    .org 0xfff0
    ljmp $0xf000, $boot
    .org 0x10000
