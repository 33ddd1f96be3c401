"""The fitted numbers of routing v1, written by `bench/routing_train.py`; not edited by hand.

`name=weight` in log-odds. `w:` a word, `b:` two words in a row, `f:` the first word, `q:` the opening of
the last question before; `new:` and `kept:` a subject; the rest are counts and shares
(`shifts/features.py`).
"""

from __future__ import annotations

VERSION = "en-chat-1"
INTERCEPT = -4.0072
THRESHOLD = -0.5  # log-odds
PATIENCE = 10  # messages
WEIGHTS = """
    asked=-0.272 asked_and_answers=-0.275 asked_and_asks=0.00335 asks=0.572 b:a_big=-0.0643 b:a_dog=-0.0338
    b:a_few=-0.169 b:a_good=-0.147 b:a_great=-0.102 b:a_job=-0.0067 b:a_little=0.0838 b:a_living=0.102 b:a_lot=0.0518
    b:a_new=0.172 b:a_nice=0.0103 b:about_that=-0.0201 b:about_you=-0.21 b:about_yourself=0.323 b:all_day=-0.115
    b:all_my=0.0336 b:all_of=-0.0214 b:all_the=-0.15 b:am_a=-0.123 b:am_an=-0.0928 b:am_doing=-0.152 b:am_from=0.0844
    b:am_going=0.139 b:am_good=-0.234 b:am_in=-0.023 b:am_just=-0.0226 b:am_not=0.366 b:am_sorry=-0.186 b:am_well=-0.153
    b:and_a=0.0828 b:and_i=0.244 b:and_my=0.112 b:any_hobbies=0.252 b:any_pets=0.0809 b:are_my=-0.0107 b:are_not=-0.0194
    b:are_the=0.178 b:are_you=0.608 b:are_your=0.174 b:as_a=-0.034 b:as_well=-0.0756 b:at_a=0.0379 b:at_home=0.0699
    b:at_least=-0.0738 b:at_the=0.123 b:be_a=-0.166 b:because_i=0.114 b:but_i=-0.0573 b:but_it=0.0394 b:but_my=-0.0956
    b:can_be=0.167 b:can_not=0.0268 b:can_you=0.0369 b:cool_i=0.251 b:did_not=-0.0282 b:did_you=0.156 b:do_for=0.206
    b:do_not=0.0159 b:do_that=-0.18 b:do_they=0.152 b:do_you=0.71 b:does_not=-0.0539 b:doing_well=-0.0515
    b:else_do=-0.0235 b:favorite_color=0.038 b:favorite_food=0.207 b:for_a=0.192 b:for_fun=0.18 b:for_me=0.0279
    b:for_my=0.0982 b:for_the=0.0574 b:for_you=0.158 b:from_the=0.0553 b:get_to=-0.000835 b:go_to=0.149
    b:going_to=-0.00621 b:good_for=-0.0374 b:got_a=0.231 b:grew_up=-0.0719 b:had_a=0.074 b:hard_to=-0.0341
    b:have_a=0.0606 b:have_any=0.279 b:have_been=0.161 b:have_never=-0.135 b:have_not=-0.0791 b:have_to=-0.189
    b:have_two=-0.0827 b:have_you=0.232 b:he_is=-0.0207 b:hear_that=-0.111 b:hi_i=-0.0294 b:high_school=-0.0836
    b:how_about=0.0428 b:how_are=-0.245 b:how_old=0.4 b:how_to=-0.112 b:i_also=0.175 b:i_am=-0.126 b:i_bet=-0.313
    b:i_can=0.0867 b:i_cannot=0.114 b:i_could=-0.149 b:i_did=0.016 b:i_do=-0.315 b:i_enjoy=0.075 b:i_feel=0.0815
    b:i_get=0.187 b:i_go=0.29 b:i_got=0.157 b:i_guess=0.106 b:i_had=0.0334 b:i_hate=0.0686 b:i_have=0.0275
    b:i_hope=0.0653 b:i_just=-0.0403 b:i_know=-0.0571 b:i_like=0.122 b:i_live=-0.151 b:i_love=0.301 b:i_need=0.0824
    b:i_never=0.036 b:i_own=0.248 b:i_play=-0.0415 b:i_prefer=-0.128 b:i_really=0.199 b:i_see=0.165 b:i_should=0.0171
    b:i_spend=-0.0585 b:i_take=-0.00471 b:i_think=-0.148 b:i_try=0.0866 b:i_used=0.0719 b:i_want=0.0889 b:i_was=-0.0345
    b:i_will=0.0558 b:i_wish=0.215 b:i_work=0.262 b:i_would=-0.116 b:if_i=-0.103 b:if_you=-0.0442 b:in_a=-0.0753
    b:in_my=0.296 b:in_school=-0.0251 b:in_the=-0.00639 b:is_a=-0.264 b:is_awesome=0.0885 b:is_cool=0.156
    b:is_fun=-0.0178 b:is_good=0.177 b:is_great=-0.151 b:is_it=0.0185 b:is_my=0.3 b:is_nice=-0.016 b:is_not=-0.0932
    b:is_so=-0.0311 b:is_that=-0.194 b:is_the=0.0433 b:is_very=0.123 b:is_why=-0.0157 b:is_your=0.362 b:it_is=0.0454
    b:it_was=0.139 b:just_got=-0.0733 b:kind_of=0.0421 b:like_a=-0.138 b:like_it=-0.0828 b:like_my=0.0287
    b:like_that=0.1 b:like_the=-0.0376 b:like_to=0.266 b:listen_to=-0.109 b:listening_to=-0.204 b:live_in=-0.0983
    b:lot_of=0.00534 b:lots_of=-0.0132 b:love_it=0.115 b:love_the=-0.124 b:love_to=-0.169 b:maybe_i=-0.158 b:me_a=0.0881
    b:me_to=0.148 b:me_too=-0.228 b:mine_is=0.103 b:must_be=-0.0609 b:my_best=0.106 b:my_boyfriend=-0.0414
    b:my_dad=-0.145 b:my_dog=0.00951 b:my_dogs=-0.116 b:my_family=0.0879 b:my_father=-0.00703 b:my_favorite=0.185
    b:my_husband=0.0351 b:my_kids=-0.0547 b:my_life=0.0194 b:my_mom=0.0373 b:my_parents=-0.182 b:my_wife=0.0257
    b:name_is=0.0466 b:need_to=-0.0865 b:nice_i=0.241 b:no_but=-0.0944 b:no_i=0.119 b:not_have=0.1 b:not_know=0.0428
    b:not_like=-0.108 b:not_really=-0.0995 b:of_a=0.0467 b:of_course=0.0301 b:of_my=-0.0529 b:of_the=-0.0945
    b:oh_i=-0.0693 b:oh_no=-0.0824 b:oh_that=0.0375 b:oh_wow=0.0137 b:old_are=0.4 b:on_a=0.0377 b:on_my=-0.0667
    b:on_the=0.0463 b:one_day=0.053 b:one_of=-0.189 b:out_of=0.0832 b:own_a=0.444 b:really_like=0.264 b:right_now=-0.163
    b:since_i=-0.141 b:so_i=0.0855 b:so_much=0.184 b:so_you=-0.0157 b:sorry_to=-0.0393 b:sounds_fun=-0.123
    b:sounds_like=-0.0973 b:tell_me=0.197 b:thank_you=-0.139 b:that_i=0.313 b:that_is=-0.0103 b:that_sounds=-0.269
    b:that_would=0.00154 b:the_best=0.0276 b:the_farm=0.0363 b:the_olympics=-0.11 b:the_same=0.0118 b:the_time=-0.102
    b:the_world=-0.0169 b:they_are=-0.0653 b:think_i=0.035 b:to_a=0.0481 b:to_be=-0.0921 b:to_do=0.129 b:to_eat=-0.0798
    b:to_get=0.192 b:to_go=-0.156 b:to_have=0.0302 b:to_hear=-0.0934 b:to_live=0.032 b:to_make=-0.101 b:to_my=0.232
    b:to_play=0.00569 b:to_read=0.111 b:to_school=0.0992 b:to_stay=0.109 b:to_the=0.398 b:to_travel=0.154
    b:to_watch=-0.0468 b:to_work=-0.105 b:to_you=-0.108 b:too_much=-0.028 b:try_to=-0.00228 b:trying_to=-0.0407
    b:used_to=0.00727 b:video_games=0.16 b:want_to=0.114 b:was_a=-0.0929 b:way_to=0.0522 b:we_are=0.177 b:we_have=0.0844
    b:well_i=-0.0556 b:well_that=-0.0471 b:what_about=-0.0154 b:what_are=0.179 b:what_do=0.424 b:what_else=0.00373
    b:what_i=-0.172 b:what_is=0.133 b:what_kind=0.0881 b:when_i=-0.0467 b:when_you=-0.0251 b:where_are=0.168
    b:where_do=0.1 b:who_is=0.0995 b:why_i=0.0827 b:will_be=0.0129 b:wish_i=0.153 b:with_a=-0.157 b:with_me=0.0592
    b:with_my=-0.0202 b:with_you=-0.0489 b:work_at=0.147 b:work_for=-0.054 b:work_in=0.201 b:work_out=-0.0579
    b:would_be=0.0307 b:would_like=-0.0394 b:would_love=-0.156 b:wow_that=0.00734 b:yeah_i=0.0366 b:yes_i=-0.213
    b:you_a=0.157 b:you_are=-0.301 b:you_can=-0.0794 b:you_do=0.303 b:you_enjoy=-0.0601 b:you_ever=-0.0276
    b:you_from=0.33 b:you_get=0.0844 b:you_go=0.0865 b:you_have=0.0829 b:you_in=0.0569 b:you_know=0.137 b:you_like=0.584
    b:you_live=0.127 b:you_must=-0.118 b:you_should=0.175 b:you_work=0.244 b:your_favorite=0.208 closing_new=0.0954
    closing_shared=-0.0321 closing_subject_new=0.22 ends_asking=-0.0733 f:a=-0.0639 f:ah=-0.13 f:are=0.216
    f:awesome=0.0561 f:cool=0.067 f:do=0.0258 f:good=-0.0689 f:great=0.201 f:haha=-0.0702 f:have=0.0908 f:he=-0.0736
    f:hello=-0.00474 f:hey=0.0471 f:hi=-0.155 f:how=-0.108 f:i=-0.237 f:it=-0.0652 f:just=-0.166 f:lol=0.145
    f:maybe=0.133 f:me=-0.287 f:my=0.178 f:nice=0.0989 f:no=0.123 f:not=-0.302 f:oh=-0.121 f:really=-0.0302 f:so=-0.155
    f:sounds=-0.162 f:sure=-0.136 f:thank=-0.045 f:that=0.0296 f:the=0.0146 f:they=-0.151 f:very=-0.0423 f:we=-0.0484
    f:well=-0.0642 f:what=0.0321 f:where=0.146 f:why=0.0769 f:wow=0.0494 f:yeah=-0.085 f:yes=-0.0348 f:you=-0.0245
    first_sentence=0.252 just_asked=-0.434 kept:age=-0.0486 kept:animals=-0.0755 kept:books=-0.311 kept:cars=0.0988
    kept:drink=-0.0889 kept:family=0.214 kept:film=0.0802 kept:fitness=-0.0614 kept:food=-0.0487 kept:friends=0.237
    kept:games=0.0095 kept:greeting=-0.0627 kept:health=0.0476 kept:languages=0.00973 kept:leisure=0.0219
    kept:looks=0.157 kept:money=-0.297 kept:music=-0.0831 kept:names=0.131 kept:outdoors=0.109 kept:partner=0.128
    kept:place=0.176 kept:sport=0.00985 kept:study=-0.0954 kept:technology=-0.102 kept:travel=0.202 kept:weather=0.0842
    kept:work=0.0724 length=-0.236 length_before=0.184 new=0.171 new:age=-0.128 new:animals=0.283 new:art=-0.199
    new:books=0.209 new:cars=0.0569 new:drink=0.0452 new:faith=-0.191 new:family=0.0371 new:feelings=-0.254
    new:film=-0.219 new:fitness=-0.168 new:food=0.326 new:friends=-0.087 new:games=0.0995 new:greeting=-0.111
    new:health=-0.123 new:languages=0.409 new:leisure=-0.154 new:looks=0.395 new:money=-0.0112 new:music=-0.0893
    new:names=-0.33 new:outdoors=0.281 new:partner=0.198 new:place=0.0696 new:plans=-0.113 new:society=-0.0362
    new:sport=0.0896 new:study=-0.143 new:technology=-0.169 new:travel=0.189 new:weather=0.0327 new:work=-0.191
    new_share=0.016 new_share_far=-0.0813 no_content=0.0444 q:=0.272 q:are_you=0.239 q:do_you=-0.192
    q:do_you_have=-0.179 q:do_you_like=-0.0403 q:have_you=-0.141 q:hello_how=-0.155 q:hello_how_are=-0.138
    q:hi_how=-0.143 q:hi_how_are=-0.136 q:how_about=0.0854 q:how_about_you=0.0966 q:how_are=-0.0104
    q:how_are_you=-0.0104 q:how_old=0.186 q:how_old_are=0.186 q:i_am=0.125 q:what_about=-0.0937 q:what_about_you=-0.079
    q:what_are=-0.132 q:what_are_you=-0.0905 q:what_do=-0.308 q:what_do_you=-0.307 q:what_is=-0.183
    q:what_is_your=-0.136 q:what_kind=-0.0018 q:what_kind_of=-0.0928 q:where_are=-0.121 q:where_do=-0.199
    q:where_do_you=-0.199 q:you=-0.0379 question_empty=-0.11 question_new=0.351 question_shared=-0.11
    question_subject_kept=-0.0946 question_subject_new=0.388 remark_then_question=0.138 sentences=0.261 shared_1=-0.394
    shared_2=-0.206 shared_3=0.0757 shared_4=0.0392 subjects=-0.0132 subjects_all_new=0.438 subjects_all_new_1=0.432
    subjects_kept=0.0554 subjects_kept_1=-0.0261 subjects_new=-0.0615 subjects_new_far=0.154 subjects_none=0.00428
    subjects_resumed=0.201 turns_within=-0.0288 w:3=0.0254 w:5=-0.0491 w:a=0.0312 w:about=-0.0581 w:actually=0.136
    w:after=0.058 w:age=0.0469 w:agree=-0.0554 w:ah=-0.13 w:all=-0.109 w:alot=-0.045 w:also=0.0932 w:always=-0.073
    w:am=0.16 w:amazing=-0.153 w:an=-0.162 w:and=-0.174 w:animals=0.13 w:any=0.284 w:anything=0.0858 w:are=0.292
    w:around=-0.246 w:as=-0.179 w:at=-0.0622 w:away=0.035 w:awesome=0.102 w:back=-0.104 w:bad=0.188 w:band=0.00258
    w:be=-0.149 w:because=-0.0755 w:been=0.209 w:before=0.0787 w:being=0.113 w:best=0.121 w:bet=-0.438 w:better=-0.115
    w:big=0.251 w:black=-0.144 w:blue=0.0703 w:books=0.114 w:born=0.0279 w:both=0.139 w:bought=0.106 w:boyfriend=0.0212
    w:busy=0.0383 w:but=-0.0926 w:by=0.103 w:call=0.0343 w:can=-0.0728 w:cancer=0.214 w:cannot=0.11 w:cant=-0.0971
    w:car=0.215 w:care=-0.0456 w:cars=0.125 w:cat=-0.00863 w:cats=-0.0271 w:children=0.0435 w:city=-0.083 w:close=0.17
    w:coach=0.000247 w:coffee=0.168 w:college=0.000946 w:color=0.241 w:come=-0.0826 w:congratulations=-0.103
    w:construction=0.152 w:cook=0.0709 w:cooking=-0.0353 w:cool=-0.026 w:could=-0.198 w:country=-0.0639 w:course=0.0276
    w:dad=-0.021 w:dance=-0.0312 w:day=-0.16 w:days=-0.0544 w:did=-0.0158 w:diet=-0.0283 w:do=0.429 w:does=-0.127
    w:dog=0.162 w:dogs=-0.226 w:doing=-0.0992 w:down=-0.112 w:dream=-0.0482 w:drink=0.0503 w:drive=0.0865 w:eat=-0.0383
    w:eating=-0.122 w:else=-0.0128 w:enjoy=0.027 w:enough=0.117 w:especially=-0.0978 w:even=-0.0503 w:ever=0.0884
    w:every=0.0385 w:everything=-0.0569 w:exciting=-0.0706 w:eyes=-0.17 w:family=0.0664 w:fan=-0.0311 w:farm=0.21
    w:father=-0.0967 w:favorite=0.338 w:feel=0.0462 w:few=-0.128 w:finished=0.0543 w:first=0.163 w:fish=0.134
    w:food=0.0905 w:for=-0.094 w:friend=0.256 w:friends=0.0935 w:fries=0.0129 w:from=-0.163 w:fun=-0.394 w:funny=0.355
    w:game=0.0399 w:games=0.061 w:get=0.157 w:getting=0.144 w:girl=0.164 w:give=0.0131 w:glad=-0.0263 w:go=0.106
    w:going=-0.178 w:gold=0.0675 w:good=0.0805 w:got=0.0986 w:great=-0.183 w:grew=-0.0719 w:guess=0.133 w:gym=0.0358
    w:had=0.0097 w:haha=-0.0761 w:hair=0.205 w:happy=0.0385 w:hard=-0.277 w:has=-0.251 w:hate=0.0267 w:have=0.0958
    w:having=0.114 w:he=-0.0947 w:hear=-0.0187 w:heard=-0.0606 w:hello=-0.00474 w:help=-0.158 w:helps=-0.0237
    w:her=0.0494 w:here=0.165 w:hey=0.0674 w:hi=-0.157 w:high=-0.0998 w:hiking=-0.0275 w:him=-0.115 w:his=0.001
    w:hobbies=0.285 w:home=0.0865 w:hope=-0.029 w:horses=0.166 w:hours=0.103 w:house=0.0206 w:how=-0.0776
    w:husband=0.0993 w:i=0.317 w:if=-0.192 w:in=0.0683 w:interesting=0.209 w:internet=-0.0803 w:into=0.199 w:is=0.11
    w:it=-0.236 w:its=0.0549 w:job=-0.107 w:just=0.0149 w:keep=-0.0765 w:kid=0.0208 w:kids=0.0945 w:kind=0.0703
    w:know=0.0716 w:last=0.131 w:learn=-0.107 w:least=-0.0878 w:let=0.197 w:life=5.85e-05 w:like=0.0553 w:listen=-0.13
    w:listening=-0.208 w:little=0.00115 w:live=-0.179 w:living=0.204 w:lol=0.0892 w:long=0.0777 w:look=0.269
    w:looking=-0.0603 w:lot=-0.0108 w:lots=-0.0182 w:love=0.0477 w:loves=0.0709 w:luck=-0.0374 w:made=-0.0436
    w:make=-0.249 w:makes=-0.0167 w:man=-0.0364 w:many=-0.0878 w:married=0.518 w:may=-0.154 w:maybe=-0.107 w:me=0.187
    w:mean=-0.0566 w:meet=-0.0191 w:mickey=0.144 w:mind=0.0598 w:mine=-0.0785 w:mom=0.136 w:money=-0.02 w:months=0.0951
    w:more=-0.232 w:most=-0.0152 w:mostly=0.0717 w:move=-0.0213 w:much=-0.166 w:music=0.0904 w:must=-0.325 w:my=-0.117
    w:myself=-0.206 w:name=-0.0781 w:named=-0.0281 w:need=-0.0613 w:never=0.041 w:new=0.0706 w:next=0.125 w:nice=0.0917
    w:night=-0.0844 w:no=-0.192 w:not=0.237 w:nothing=-0.0912 w:now=-0.155 w:of=-0.164 w:off=-0.00208 w:oh=-0.0721
    w:ok=0.291 w:okay=-0.024 w:old=0.141 w:older=0.101 w:olympics=-0.0775 w:on=0.11 w:once=-0.00672 w:one=-0.108
    w:only=0.163 w:or=-0.176 w:other=-0.124 w:our=-0.0876 w:out=-0.0166 w:outdoors=0.117 w:outside=-0.0339 w:over=0.056
    w:own=0.195 w:parents=-0.121 w:part=0.168 w:people=-0.0815 w:person=-0.0451 w:pet=0.237 w:pets=-0.0567
    w:pizza=-0.118 w:place=0.194 w:play=0.0934 w:playing=-0.107 w:prefer=-0.146 w:pretty=-0.0394 w:probably=-0.00877
    w:quite=-0.163 w:read=0.0847 w:really=-0.00567 w:red=0.228 w:retired=-0.126 w:ride=0.0144 w:right=-0.0943
    w:rock=-0.112 w:run=0.0358 w:s=-0.0949 w:same=0.0122 w:say=-0.26 w:school=0.0852 w:see=-0.0242 w:seen=-0.0975
    w:she=-0.0713 w:shopping=-0.09 w:should=0.328 w:since=-0.324 w:sing=0.0133 w:single=0.0685 w:sister=-0.207
    w:small=-0.0209 w:so=0.282 w:some=-0.259 w:something=-0.104 w:sometimes=-0.117 w:songs=-0.101 w:soon=0.149
    w:sorry=-0.166 w:sound=-0.0708 w:sounds=-0.306 w:spend=-0.00709 w:sports=-0.0332 w:started=0.145 w:stay=0.0374
    w:still=-0.0739 w:study=0.0174 w:stuff=-0.0963 w:sure=0.166 w:take=-0.161 w:taking=-0.0729 w:talk=0.0612
    w:teach=0.0197 w:teacher=-0.0985 w:team=0.0177 w:tell=0.0485 w:than=0.0127 w:thank=-0.109 w:thanks=-0.0303
    w:that=-0.276 w:the=-0.0379 w:their=-0.14 w:them=-0.346 w:then=0.026 w:there=-0.305 w:they=-0.268 w:thing=-0.122
    w:things=-0.105 w:think=-0.113 w:this=-0.0453 w:those=-0.15 w:though=0.0628 w:three=0.0756 w:time=0.21 w:times=0.153
    w:tired=-0.0116 w:to=-0.0472 w:today=0.25 w:too=-0.0904 w:town=0.0812 w:travel=-0.079 w:true=0.101 w:try=-0.106
    w:trying=-0.0794 w:two=0.105 w:type=-0.0443 w:understand=-0.0801 w:up=-0.227 w:us=0.0401 w:use=-0.0955 w:used=0.0491
    w:very=-0.171 w:video=0.0998 w:visit=0.381 w:volunteer=-0.114 w:walk=-0.00386 w:walking=-0.131 w:want=0.0903
    w:was=0.074 w:watch=-0.00844 w:watching=0.142 w:way=-0.179 w:we=0.378 w:wear=-0.186 w:week=0.0962 w:weekends=0.0958
    w:well=-0.333 w:were=-0.314 w:what=-0.00134 w:when=-0.172 w:where=0.203 w:which=-0.0735 w:while=-0.2 w:who=-0.0677
    w:why=0.151 w:wife=-0.0385 w:will=-0.0585 w:wish=0.245 w:with=-0.0863 w:won=0.0617 w:wonderful=-0.00872
    w:work=-0.00419 w:working=0.0484 w:world=0.0669 w:would=-0.267 w:wow=0.0515 w:yeah=-0.0888 w:year=-0.0492
    w:years=0.128 w:yes=-0.0764 w:yet=-0.0607 w:you=0.103 w:young=-0.221 w:your=0.454 w:yours=0.0891 w:yourself=0.208
"""
