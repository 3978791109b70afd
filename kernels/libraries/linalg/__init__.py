"""Matrix decompositions and equations by cuSOLVER and cuBLAS."""
