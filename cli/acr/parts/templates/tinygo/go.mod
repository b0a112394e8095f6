module @ID@

go 1.22
