#include "textflag.h"

// func masksAVX2(p *byte, blocks int, delimiter, newline, quote byte, out *uint64)
//
// Each turn compares 64 bytes with the three characters, 32 at a time, and gathers the signs of the comparisons
// into one word for each character.
TEXT ·masksAVX2(SB), NOSPLIT, $0-32
	MOVQ    p+0(FP), SI
	MOVQ    blocks+8(FP), CX
	MOVQ    out+24(FP), DI
	MOVBQZX delimiter+16(FP), AX
	MOVQ    AX, X0
	VPBROADCASTB X0, Y0
	MOVBQZX newline+17(FP), AX
	MOVQ    AX, X1
	VPBROADCASTB X1, Y1
	MOVBQZX quote+18(FP), AX
	MOVQ    AX, X2
	VPBROADCASTB X2, Y2

next:
	TESTQ CX, CX
	JZ    done
	VMOVDQU (SI), Y3
	VMOVDQU 32(SI), Y4

	VPCMPEQB  Y3, Y0, Y5
	VPCMPEQB  Y4, Y0, Y6
	VPMOVMSKB Y5, AX
	VPMOVMSKB Y6, BX
	SHLQ $32, BX
	ORQ  BX, AX
	MOVQ AX, (DI)

	VPCMPEQB  Y3, Y1, Y5
	VPCMPEQB  Y4, Y1, Y6
	VPMOVMSKB Y5, AX
	VPMOVMSKB Y6, BX
	SHLQ $32, BX
	ORQ  BX, AX
	MOVQ AX, 8(DI)

	VPCMPEQB  Y3, Y2, Y5
	VPCMPEQB  Y4, Y2, Y6
	VPMOVMSKB Y5, AX
	VPMOVMSKB Y6, BX
	SHLQ $32, BX
	ORQ  BX, AX
	MOVQ AX, 16(DI)

	ADDQ $64, SI
	ADDQ $24, DI
	DECQ CX
	JMP  next

done:
	VZEROUPPER
	RET
