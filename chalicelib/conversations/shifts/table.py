"""The fitted numbers of routing v1, written by `bench/routing_train.py`; not edited by hand.

`name=weight` in log-odds. `w:` a word, `b:` two words in a row, `f:` the first word, `q:` the opening of the
last question before; `new:` and `kept:` a subject; the rest are counts and shares (`shifts/features.py`).
"""

from __future__ import annotations

VERSION = "en-chat-1"
INTERCEPT = -4.0061
THRESHOLD = -0.5  # log-odds
PATIENCE = 10  # messages
WEIGHTS = """
    asked=-0.272 asked_and_answers=-0.275 asked_and_asks=0.00334 asks=0.571 b:a_big=-0.0644 b:a_dog=-0.0339
    b:a_few=-0.169 b:a_good=-0.147 b:a_great=-0.102 b:a_job=-0.00647 b:a_little=0.0837 b:a_living=0.102 b:a_lot=0.0518
    b:a_new=0.172 b:a_nice=0.0102 b:about_that=-0.0199 b:about_you=-0.209 b:about_yourself=0.323 b:all_day=-0.115
    b:all_my=0.0336 b:all_of=-0.0214 b:all_the=-0.15 b:am_a=-0.123 b:am_an=-0.0928 b:am_doing=-0.152 b:am_from=0.0845
    b:am_going=0.139 b:am_good=-0.234 b:am_in=-0.0231 b:am_just=-0.0226 b:am_not=0.366 b:am_sorry=-0.186
    b:am_well=-0.153 b:and_a=0.0826 b:and_i=0.244 b:and_my=0.112 b:any_hobbies=0.252 b:any_pets=0.0809 b:are_my=-0.0108
    b:are_not=-0.0198 b:are_the=0.178 b:are_you=0.608 b:are_your=0.174 b:as_a=-0.0299 b:as_well=-0.076 b:at_a=0.0362
    b:at_home=0.0699 b:at_least=-0.0737 b:at_the=0.124 b:be_a=-0.166 b:because_i=0.114 b:but_i=-0.0572 b:but_it=0.0393
    b:but_my=-0.0956 b:can_be=0.167 b:can_not=0.0269 b:can_you=0.0369 b:cool_i=0.25 b:did_not=-0.0282 b:did_you=0.156
    b:do_for=0.206 b:do_not=0.016 b:do_that=-0.18 b:do_they=0.152 b:do_you=0.71 b:does_not=-0.054 b:doing_well=-0.0515
    b:else_do=-0.0235 b:favorite_color=0.038 b:favorite_food=0.207 b:for_a=0.192 b:for_fun=0.18 b:for_me=0.0275
    b:for_my=0.0981 b:for_the=0.0575 b:for_you=0.158 b:from_the=0.0554 b:get_to=-0.000888 b:go_to=0.149
    b:going_to=-0.00623 b:good_for=-0.0374 b:got_a=0.229 b:grew_up=-0.0718 b:had_a=0.0795 b:hard_to=-0.0342
    b:have_a=0.0607 b:have_any=0.279 b:have_been=0.161 b:have_never=-0.135 b:have_not=-0.079 b:have_to=-0.19
    b:have_two=-0.0826 b:have_you=0.232 b:he_is=-0.0207 b:hear_that=-0.111 b:hi_i=-0.0293 b:high_school=-0.0835
    b:how_about=0.0428 b:how_are=-0.245 b:how_old=0.4 b:how_to=-0.112 b:i_also=0.175 b:i_am=-0.127 b:i_bet=-0.313
    b:i_can=0.0866 b:i_cannot=0.114 b:i_could=-0.15 b:i_did=0.016 b:i_do=-0.315 b:i_enjoy=0.0751 b:i_feel=0.0814
    b:i_get=0.187 b:i_go=0.29 b:i_got=0.155 b:i_guess=0.105 b:i_had=0.0373 b:i_hate=0.0685 b:i_have=0.0274
    b:i_hope=0.0653 b:i_just=-0.0402 b:i_know=-0.0571 b:i_like=0.122 b:i_live=-0.151 b:i_love=0.301 b:i_need=0.0826
    b:i_never=0.0359 b:i_own=0.248 b:i_play=-0.0415 b:i_prefer=-0.128 b:i_really=0.199 b:i_see=0.165 b:i_should=0.0169
    b:i_spend=-0.0585 b:i_take=-0.00481 b:i_think=-0.148 b:i_try=0.0864 b:i_used=0.0717 b:i_want=0.0887 b:i_was=-0.0349
    b:i_will=0.0558 b:i_wish=0.215 b:i_work=0.262 b:i_would=-0.116 b:if_i=-0.103 b:if_you=-0.0441 b:in_a=-0.0751
    b:in_my=0.296 b:in_school=-0.0251 b:in_the=-0.00653 b:is_a=-0.264 b:is_awesome=0.0884 b:is_cool=0.156
    b:is_fun=-0.0178 b:is_good=0.177 b:is_great=-0.151 b:is_it=0.0183 b:is_my=0.299 b:is_nice=-0.0158 b:is_not=-0.0931
    b:is_so=-0.0311 b:is_that=-0.194 b:is_the=0.0434 b:is_very=0.123 b:is_why=-0.0156 b:is_your=0.363 b:it_is=0.0448
    b:it_was=0.138 b:just_got=-0.0731 b:kind_of=0.0421 b:like_a=-0.139 b:like_it=-0.0829 b:like_my=0.0286
    b:like_that=0.1 b:like_the=-0.0376 b:like_to=0.266 b:listen_to=-0.109 b:listening_to=-0.204 b:live_in=-0.0983
    b:lot_of=0.00557 b:lots_of=-0.0132 b:love_it=0.115 b:love_the=-0.124 b:love_to=-0.17 b:maybe_i=-0.158 b:me_a=0.0879
    b:me_to=0.148 b:me_too=-0.228 b:mine_is=0.103 b:must_be=-0.0609 b:my_best=0.106 b:my_boyfriend=-0.0415
    b:my_dad=-0.145 b:my_dog=0.00931 b:my_dogs=-0.116 b:my_family=0.0875 b:my_father=-0.00714 b:my_favorite=0.185
    b:my_husband=0.035 b:my_kids=-0.0548 b:my_life=0.0194 b:my_mom=0.0372 b:my_parents=-0.183 b:my_wife=0.0258
    b:name_is=0.0466 b:need_to=-0.0866 b:nice_i=0.241 b:no_but=-0.0944 b:no_i=0.119 b:not_have=0.1 b:not_know=0.0428
    b:not_like=-0.108 b:not_really=-0.0994 b:of_a=0.0465 b:of_course=0.0301 b:of_my=-0.0529 b:of_the=-0.0944
    b:oh_i=-0.0692 b:oh_no=-0.0824 b:oh_that=0.0375 b:oh_wow=0.0137 b:old_are=0.4 b:on_a=0.0378 b:on_my=-0.0668
    b:on_the=0.0464 b:one_day=0.053 b:one_of=-0.189 b:out_of=0.0832 b:own_a=0.444 b:really_like=0.265 b:right_now=-0.163
    b:since_i=-0.141 b:so_i=0.0853 b:so_much=0.184 b:so_you=-0.0158 b:sorry_to=-0.0394 b:sounds_fun=-0.123
    b:sounds_like=-0.0972 b:tell_me=0.197 b:thank_you=-0.139 b:that_i=0.313 b:that_is=-0.00996 b:that_sounds=-0.269
    b:that_would=0.00169 b:the_best=0.0276 b:the_farm=0.0365 b:the_olympics=-0.11 b:the_same=0.0119 b:the_time=-0.102
    b:the_world=-0.0168 b:they_are=-0.0654 b:think_i=0.035 b:to_a=0.0479 b:to_be=-0.0924 b:to_do=0.129 b:to_eat=-0.0798
    b:to_get=0.192 b:to_go=-0.156 b:to_have=0.0299 b:to_hear=-0.0935 b:to_live=0.0318 b:to_make=-0.101 b:to_my=0.232
    b:to_play=0.00547 b:to_read=0.111 b:to_school=0.099 b:to_stay=0.109 b:to_the=0.398 b:to_travel=0.154
    b:to_watch=-0.0468 b:to_work=-0.105 b:to_you=-0.108 b:too_much=-0.0279 b:try_to=-0.00251 b:trying_to=-0.0407
    b:used_to=0.00719 b:video_games=0.16 b:want_to=0.114 b:was_a=-0.0931 b:way_to=0.0522 b:we_are=0.177 b:we_have=0.0845
    b:well_i=-0.0554 b:well_that=-0.0471 b:what_about=-0.0153 b:what_are=0.179 b:what_do=0.424 b:what_else=0.00369
    b:what_i=-0.173 b:what_is=0.133 b:what_kind=0.0881 b:when_i=-0.0467 b:when_you=-0.0252 b:where_are=0.168
    b:where_do=0.1 b:who_is=0.0996 b:why_i=0.0828 b:will_be=0.0131 b:wish_i=0.152 b:with_a=-0.157 b:with_me=0.059
    b:with_my=-0.0204 b:with_you=-0.0489 b:work_at=0.148 b:work_for=-0.054 b:work_in=0.201 b:work_out=-0.0579
    b:would_be=0.0309 b:would_like=-0.0394 b:would_love=-0.156 b:wow_that=0.00732 b:yeah_i=0.0366 b:yes_i=-0.213
    b:you_a=0.157 b:you_are=-0.301 b:you_can=-0.0794 b:you_do=0.303 b:you_enjoy=-0.06 b:you_ever=-0.0277 b:you_from=0.33
    b:you_get=0.0844 b:you_go=0.0865 b:you_have=0.0831 b:you_in=0.0569 b:you_know=0.137 b:you_like=0.584
    b:you_live=0.127 b:you_must=-0.118 b:you_should=0.175 b:you_work=0.244 b:your_favorite=0.208 closing_new=0.0964
    closing_shared=-0.0328 closing_subject_new=0.219 ends_asking=-0.0731 f:a=-0.0639 f:ah=-0.13 f:are=0.216
    f:awesome=0.0563 f:cool=0.0658 f:do=0.0258 f:good=-0.0689 f:great=0.201 f:haha=-0.0702 f:have=0.0908 f:he=-0.0737
    f:hello=-0.00459 f:hey=0.0472 f:hi=-0.154 f:how=-0.108 f:i=-0.236 f:it=-0.0655 f:just=-0.166 f:lol=0.145
    f:maybe=0.133 f:me=-0.287 f:my=0.177 f:nice=0.0989 f:no=0.123 f:not=-0.302 f:oh=-0.121 f:really=-0.0302 f:so=-0.155
    f:sounds=-0.162 f:sure=-0.136 f:thank=-0.0449 f:that=0.0297 f:the=0.0146 f:they=-0.151 f:very=-0.0423 f:we=-0.0483
    f:well=-0.0641 f:what=0.0321 f:where=0.146 f:why=0.0768 f:wow=0.0493 f:yeah=-0.0849 f:yes=-0.0348 f:you=-0.0247
    first_sentence=0.252 just_asked=-0.434 kept:age=-0.0484 kept:animals=-0.0752 kept:books=-0.315 kept:cars=0.0989
    kept:drink=-0.0889 kept:family=0.214 kept:film=0.0804 kept:fitness=-0.0614 kept:food=-0.0483 kept:friends=0.237
    kept:games=0.00966 kept:greeting=-0.0622 kept:health=0.0477 kept:languages=0.00974 kept:leisure=0.0222
    kept:looks=0.157 kept:money=-0.297 kept:music=-0.0827 kept:names=0.132 kept:outdoors=0.11 kept:partner=0.128
    kept:place=0.176 kept:sport=0.01 kept:study=-0.0952 kept:technology=-0.102 kept:travel=0.202 kept:weather=0.0827
    kept:work=0.0727 length=-0.236 length_before=0.184 new=0.171 new:age=-0.127 new:animals=0.283 new:art=-0.199
    new:books=0.201 new:cars=0.0568 new:drink=0.0454 new:faith=-0.191 new:family=0.0386 new:feelings=-0.254
    new:film=-0.219 new:fitness=-0.167 new:food=0.326 new:friends=-0.0867 new:games=0.0998 new:greeting=-0.11
    new:health=-0.123 new:languages=0.409 new:leisure=-0.154 new:looks=0.396 new:money=-0.011 new:music=-0.089
    new:names=-0.33 new:outdoors=0.281 new:partner=0.198 new:place=0.07 new:plans=-0.114 new:society=-0.0362
    new:sport=0.0898 new:study=-0.143 new:technology=-0.169 new:travel=0.189 new:weather=0.0336 new:work=-0.191
    new_share=0.016 new_share_far=-0.082 no_content=0.0447 q:=0.272 q:are_you=0.239 q:do_you=-0.192 q:do_you_have=-0.178
    q:do_you_like=-0.0404 q:have_you=-0.141 q:hello_how=-0.155 q:hello_how_are=-0.138 q:hi_how=-0.143
    q:hi_how_are=-0.136 q:how_about=0.0856 q:how_about_you=0.0967 q:how_are=-0.0103 q:how_are_you=-0.0103
    q:how_old=0.186 q:how_old_are=0.186 q:i_am=0.125 q:what_about=-0.0937 q:what_about_you=-0.0789 q:what_are=-0.132
    q:what_are_you=-0.0905 q:what_do=-0.308 q:what_do_you=-0.307 q:what_is=-0.183 q:what_is_your=-0.136
    q:what_kind=-0.00184 q:what_kind_of=-0.0928 q:where_are=-0.121 q:where_do=-0.199 q:where_do_you=-0.199 q:you=-0.0379
    question_empty=-0.11 question_new=0.35 question_shared=-0.11 question_subject_kept=-0.094 question_subject_new=0.388
    remark_then_question=0.138 sentences=0.261 shared_1=-0.392 shared_2=-0.206 shared_3=0.0758 shared_4=0.039
    subjects=-0.0145 subjects_all_new=0.439 subjects_all_new_1=0.433 subjects_kept=0.0559 subjects_kept_1=-0.0267
    subjects_new=-0.0623 subjects_new_far=0.156 subjects_none=0.0038 subjects_resumed=0.202 turns_within=-0.0283
    w:3=0.0255 w:5=-0.0491 w:a=0.0314 w:about=-0.058 w:actually=0.136 w:after=0.0581 w:age=0.047 w:agree=-0.0555
    w:ah=-0.13 w:all=-0.109 w:alot=-0.045 w:also=0.0932 w:always=-0.0732 w:am=0.16 w:amazing=-0.153 w:an=-0.162
    w:and=-0.174 w:animals=0.13 w:any=0.284 w:anything=0.0859 w:are=0.292 w:around=-0.246 w:as=-0.176 w:at=-0.063
    w:away=0.0349 w:awesome=0.102 w:back=-0.104 w:bad=0.188 w:band=0.00272 w:be=-0.149 w:because=-0.0757 w:been=0.209
    w:before=0.0785 w:being=0.113 w:best=0.121 w:bet=-0.438 w:better=-0.115 w:big=0.251 w:black=-0.144 w:blue=0.0705
    w:books=0.116 w:born=0.0278 w:both=0.139 w:bought=0.106 w:boyfriend=0.0209 w:busy=0.0381 w:but=-0.0928 w:by=0.103
    w:call=0.0342 w:can=-0.0727 w:cancer=0.214 w:cannot=0.11 w:cant=-0.0972 w:car=0.215 w:care=-0.0456 w:cars=0.126
    w:cat=-0.00878 w:cats=-0.0269 w:children=0.0435 w:city=-0.083 w:close=0.17 w:coach=-2.84e-05 w:coffee=0.168
    w:college=0.00118 w:color=0.241 w:come=-0.0826 w:congratulations=-0.103 w:construction=0.152 w:cook=0.0708
    w:cooking=-0.0353 w:cool=-0.0268 w:could=-0.198 w:country=-0.0637 w:course=0.0276 w:dad=-0.0211 w:dance=-0.031
    w:day=-0.16 w:days=-0.0543 w:did=-0.0158 w:diet=-0.0284 w:do=0.429 w:does=-0.127 w:dog=0.162 w:dogs=-0.226
    w:doing=-0.0992 w:down=-0.112 w:dream=-0.0483 w:drink=0.0503 w:drive=0.0863 w:eat=-0.0382 w:eating=-0.122
    w:else=-0.0129 w:enjoy=0.0273 w:enough=0.117 w:especially=-0.0978 w:even=-0.05 w:ever=0.0884 w:every=0.0386
    w:everything=-0.0569 w:exciting=-0.0705 w:eyes=-0.17 w:family=0.0661 w:fan=-0.031 w:farm=0.21 w:father=-0.0967
    w:favorite=0.338 w:feel=0.0461 w:few=-0.128 w:finished=0.0544 w:first=0.163 w:fish=0.134 w:food=0.0905 w:for=-0.0941
    w:friend=0.256 w:friends=0.0936 w:fries=0.0129 w:from=-0.163 w:fun=-0.394 w:funny=0.355 w:game=0.0402 w:games=0.0612
    w:get=0.157 w:getting=0.144 w:girl=0.164 w:give=0.013 w:glad=-0.0264 w:go=0.106 w:going=-0.178 w:gold=0.0677
    w:good=0.0807 w:got=0.0972 w:great=-0.183 w:grew=-0.0718 w:guess=0.133 w:gym=0.0359 w:had=0.0123 w:haha=-0.0761
    w:hair=0.204 w:happy=0.0386 w:hard=-0.278 w:has=-0.251 w:hate=0.0265 w:have=0.0956 w:having=0.114 w:he=-0.0946
    w:hear=-0.0188 w:heard=-0.0606 w:hello=-0.00459 w:help=-0.158 w:helps=-0.0239 w:her=0.0494 w:here=0.165 w:hey=0.0676
    w:hi=-0.157 w:high=-0.0999 w:hiking=-0.0276 w:him=-0.115 w:his=0.000987 w:hobbies=0.285 w:home=0.0868 w:hope=-0.029
    w:horses=0.166 w:hours=0.103 w:house=0.0208 w:how=-0.0775 w:husband=0.0992 w:i=0.317 w:if=-0.192 w:in=0.0683
    w:interesting=0.209 w:internet=-0.0805 w:into=0.2 w:is=0.11 w:it=-0.234 w:its=0.0547 w:job=-0.107 w:just=0.015
    w:keep=-0.0766 w:kid=0.0272 w:kids=0.0945 w:kind=0.0704 w:know=0.0715 w:last=0.131 w:learn=-0.107 w:least=-0.0878
    w:let=0.197 w:life=-0.000214 w:like=0.0553 w:listen=-0.13 w:listening=-0.208 w:little=0.00115 w:live=-0.179
    w:living=0.204 w:lol=0.0892 w:long=0.0775 w:look=0.27 w:looking=-0.0603 w:lot=-0.0107 w:lots=-0.0182 w:love=0.0476
    w:loves=0.0709 w:luck=-0.0372 w:made=-0.0435 w:make=-0.249 w:makes=-0.0172 w:man=-0.0365 w:many=-0.0877
    w:married=0.518 w:may=-0.154 w:maybe=-0.107 w:me=0.189 w:mean=-0.0566 w:meet=-0.0192 w:mickey=0.144 w:mind=0.0599
    w:mine=-0.0786 w:mom=0.136 w:money=-0.0202 w:months=0.0949 w:more=-0.232 w:most=-0.0151 w:mostly=0.0717
    w:move=-0.0213 w:much=-0.166 w:music=0.0903 w:must=-0.325 w:my=-0.116 w:myself=-0.207 w:name=-0.078 w:named=-0.0281
    w:need=-0.0613 w:never=0.0408 w:new=0.0708 w:next=0.125 w:nice=0.0917 w:night=-0.0845 w:no=-0.192 w:not=0.237
    w:nothing=-0.0911 w:now=-0.154 w:of=-0.164 w:off=-0.00224 w:oh=-0.0721 w:ok=0.291 w:okay=-0.0241 w:old=0.141
    w:older=0.101 w:olympics=-0.0775 w:on=0.11 w:once=-0.00677 w:one=-0.108 w:only=0.163 w:or=-0.176 w:other=-0.124
    w:our=-0.0876 w:out=-0.0167 w:outdoors=0.117 w:outside=-0.0341 w:over=0.0559 w:own=0.195 w:parents=-0.116
    w:part=0.168 w:people=-0.0814 w:person=-0.0451 w:pet=0.237 w:pets=-0.0566 w:pizza=-0.118 w:place=0.194 w:play=0.0933
    w:playing=-0.106 w:prefer=-0.146 w:pretty=-0.0394 w:probably=-0.00879 w:quite=-0.163 w:read=0.0861 w:really=-0.00564
    w:red=0.228 w:retired=-0.126 w:ride=0.0144 w:right=-0.0942 w:rock=-0.112 w:run=0.0358 w:s=-0.095 w:same=0.0122
    w:say=-0.26 w:school=0.0852 w:see=-0.0245 w:seen=-0.0976 w:she=-0.0717 w:shopping=-0.09 w:should=0.328
    w:since=-0.324 w:sing=0.0132 w:single=0.0687 w:sister=-0.207 w:small=-0.0209 w:so=0.281 w:some=-0.259
    w:something=-0.104 w:sometimes=-0.117 w:songs=-0.101 w:soon=0.149 w:sorry=-0.166 w:sound=-0.0709 w:sounds=-0.306
    w:spend=-0.007 w:sports=-0.0332 w:started=0.145 w:stay=0.0372 w:still=-0.0738 w:study=0.0175 w:stuff=-0.0963
    w:sure=0.166 w:take=-0.161 w:taking=-0.0731 w:talk=0.061 w:teach=0.0198 w:teacher=-0.0987 w:team=0.0177
    w:tell=0.0484 w:than=0.0127 w:thank=-0.109 w:thanks=-0.0305 w:that=-0.276 w:the=-0.038 w:their=-0.14 w:them=-0.345
    w:then=0.0259 w:there=-0.305 w:they=-0.268 w:thing=-0.122 w:things=-0.105 w:think=-0.113 w:this=-0.0455
    w:those=-0.15 w:though=0.0628 w:three=0.0755 w:time=0.21 w:times=0.153 w:tired=-0.0116 w:to=-0.0462 w:today=0.25
    w:too=-0.0905 w:town=0.0812 w:travel=-0.0789 w:true=0.101 w:try=-0.106 w:trying=-0.0794 w:two=0.105 w:type=-0.0442
    w:understand=-0.0802 w:up=-0.227 w:us=0.0402 w:use=-0.0956 w:used=0.0489 w:very=-0.171 w:video=0.0999 w:visit=0.381
    w:volunteer=-0.114 w:walk=-0.00403 w:walking=-0.131 w:want=0.09 w:was=0.0733 w:watch=-0.00844 w:watching=0.142
    w:way=-0.179 w:we=0.379 w:wear=-0.186 w:week=0.0963 w:weekends=0.0959 w:well=-0.333 w:were=-0.314 w:what=-0.00122
    w:when=-0.172 w:where=0.203 w:which=-0.0737 w:while=-0.2 w:who=-0.0677 w:why=0.15 w:wife=-0.0385 w:will=-0.0587
    w:wish=0.244 w:with=-0.0865 w:won=0.0617 w:wonderful=-0.00882 w:work=-0.0041 w:working=0.0486 w:world=0.0669
    w:would=-0.268 w:wow=0.0514 w:yeah=-0.0887 w:year=-0.0496 w:years=0.128 w:yes=-0.0763 w:yet=-0.0607 w:you=0.103
    w:young=-0.221 w:your=0.454 w:yours=0.0891 w:yourself=0.208
"""
